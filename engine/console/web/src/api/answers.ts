// What each route answers. The OpenAPI description has no schemas of answers yet, so these are written by hand;
// only fields that the console shows are named.
import type { DeadLetter } from './shapes/dead-letter';
import type { OutputPage, Published, Stream } from './shapes/event';
import type { Graph } from './shapes/graph';
import type { Applied, CandidateReport, ListedPipeline, Pipeline, Revision } from './shapes/pipeline';
import type { PluginVersion, Uploaded } from './shapes/plugin';
import type { Drift, Sketch, SketchView, StateEntry, VectorEntry } from './shapes/query';
import type { Status } from './shapes/status';
import type { AuditRecord, Doctor, NewToken, Tenant, Token } from './shapes/tenant';
import type { WindowPage } from './shapes/window';

export interface Answers {
  'get /v1/doctor': Doctor;
  'get /v1/audit': AuditRecord[];
  'get /v1/operator/tokens': Token[];
  'post /v1/operator/tokens': NewToken;
  'get /v1/tenants': Tenant[];
  'get /v1/tenants/{tenant}': Tenant;
  'put /v1/tenants/{tenant}': Tenant;
  'get /v1/tenants/{tenant}/audit': AuditRecord[];
  'post /v1/tenants/{tenant}/events': Published;
  'get /v1/tenants/{tenant}/streams': Stream[];
  'put /v1/tenants/{tenant}/streams/{stream}': Stream;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/outputs': OutputPage;
  'get /v1/tenants/{tenant}/graph': Graph;
  'get /v1/tenants/{tenant}/pipelines': ListedPipeline[];
  'get /v1/tenants/{tenant}/plugins': PluginVersion[];
  'put /v1/tenants/{tenant}/plugins/{plugin}/versions/{version}': Uploaded;
  'get /v1/tenants/{tenant}/tokens': Token[];
  'post /v1/tenants/{tenant}/tokens': NewToken;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}': Pipeline;
  'put /v1/tenants/{tenant}/pipelines/{pipeline}': Applied;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/status': Status;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/candidate': CandidateReport;
  'delete /v1/tenants/{tenant}/pipelines/{pipeline}/candidate': Applied;
  'post /v1/tenants/{tenant}/pipelines/{pipeline}/candidate/promote': Applied;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/dead-letters': DeadLetter[];
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/dead-letters/{letter}': DeadLetter;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/revisions': number[];
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/revisions/{revision}': Revision;
  'post /v1/tenants/{tenant}/pipelines/{pipeline}/rollback': Applied;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/sketches': Record<string, Sketch>;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/sketches/{sketch}': SketchView;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/sketches/{sketch}/drift': Drift;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/steps/{step}/state': StateEntry[];
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/windows/{window}': WindowPage;
  'get /v1/tenants/{tenant}/pipelines/{pipeline}/vectors/{collection}/{id}': VectorEntry;
}
