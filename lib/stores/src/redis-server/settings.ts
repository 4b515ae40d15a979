/** What the embedded Redis server is told on its standard input, as one line of JSON. */
export interface ServerSettings {
  /** 0 takes a free one. */
  readonly port: number;
  /** The append-only file. */
  readonly aofFile: string;
  readonly passwords: { readonly default: string; readonly composer: string };
}
