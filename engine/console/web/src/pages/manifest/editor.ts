// The editor. It lives in a shadow root: there CodeMirror uses constructed style sheets, which the policy of the
// page allows, where in the page itself it would write a style element, which the policy refuses.
import { autocompletion } from '@codemirror/autocomplete';
import { yaml } from '@codemirror/lang-yaml';
import { forceLinting, linter, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { basicSetup } from 'codemirror';
import type { Mistake } from './check';
import { completions } from './completion';
import type { Schema } from './schema';

export interface Editor {
  text(): string;
  /** Writes another text in its place; it can be undone. */
  replace(text: string): void;
  show(mistakes: Mistake[]): void;
  /** Moves the cursor to a place of the text. */
  goTo(position: number): void;
  /** Looks for mistakes again, where what is known has changed. */
  check(): void;
  end(): void;
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: tags.comment, color: 'var(--quiet)' },
  { tag: [tags.string, tags.content], color: 'var(--text)' },
]);

const THEME = EditorView.theme({
  '&': { backgroundColor: 'var(--surface)', color: 'var(--text)', fontSize: '13px', height: '100%' },
  '.cm-content': { fontFamily: 'var(--mono)', caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--quiet)', borderColor: 'var(--line)' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--raised)' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--accent-soft) !important',
  },
  // Its own mark is a picture in a data URL, which the policy refuses.
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--bad)' },
  '.cm-tooltip': { backgroundColor: 'var(--surface)', color: 'var(--text)', borderColor: 'var(--line-strong)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
});

/**
 * Text that is typed or pasted over a selection is written by the editor itself. Chromium would keep the colour of what
 * was there in an inline style, which the policy of the page refuses.
 */
const OVER_A_SELECTION = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { from, to, empty } = view.state.selection.main;
    const isText = event.inputType === 'insertText' || event.inputType === 'insertReplacementText';
    if (empty || !isText || event.data === null || view.composing || view.state.readOnly) return false;
    const text = event.data;
    const insert = () => view.state.update(view.state.replaceSelection(text), { userEvent: 'input.type' });
    // Such as what puts brackets round a selection.
    const isTaken = view.state.facet(EditorView.inputHandler).some((take) => take(view, from, to, text, insert));
    if (!isTaken) view.dispatch(insert());
    event.preventDefault();
    return true;
  },
});

export function openEditor(
  host: HTMLElement,
  text: string,
  known: { schema: () => Schema | undefined; mistakes: (text: string) => Mistake[]; readOnly: boolean },
  changed: (text: string) => void,
  apply: () => void,
): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const view = new EditorView({
    root,
    parent: root as unknown as Element,
    state: EditorState.create({
      doc: text,
      extensions: [
        keymap.of([{ key: 'Mod-Enter', run: () => (apply(), true) }]),
        basicSetup,
        yaml(),
        EditorState.tabSize.of(2),
        EditorState.readOnly.of(known.readOnly),
        OVER_A_SELECTION,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'Manifest', tabindex: '0' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed(update.state.doc.toString());
        }),
        autocompletion({ override: [completions(known.schema)] }),
        linter((editor) => known.mistakes(editor.state.doc.toString()).map(diagnostic)),
        syntaxHighlighting(COLOURS),
        THEME,
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    replace: (other) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: other } }),
    show: (mistakes) => view.dispatch(setDiagnostics(view.state, mistakes.map(diagnostic))),
    goTo: (position) => {
      view.dispatch({ selection: { anchor: position }, scrollIntoView: true });
      view.focus();
    },
    check: () => forceLinting(view),
    end: () => view.destroy(),
  };
}

function diagnostic({ from, to, message }: Mistake): Diagnostic {
  return { from, to: Math.max(from, to), severity: 'error', message };
}
