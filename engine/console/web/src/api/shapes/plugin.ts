// Plugin versions.
export interface PluginVersion {
  plugin: string;
  digest: string;
  size_bytes: number;
  imports: string[];
  memory: { initial_bytes: number; maximum_bytes: number | null };
  uploaded_ms: number;
}

export interface Uploaded extends PluginVersion {
  compiled?: { seconds?: number; [field: string]: unknown };
  trial?: Record<string, unknown>;
}
