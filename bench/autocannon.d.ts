/** What the benchmark uses of autocannon, which comes without types. */
declare module 'autocannon' {
  interface Request {
    readonly method: string;
    readonly path?: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    /** Changes the request before each sending. */
    readonly setupRequest?: (request: object) => object;
  }
  interface Options {
    readonly url: string;
    readonly connections: number;
    /** Requests in all; the run ends with the last answer. */
    readonly amount?: number;
    /** Seconds, instead of `amount`. */
    readonly duration?: number;
    /** Milliseconds between samples; the run's end is noticed at the next one. */
    readonly sampleInt?: number;
    /** Sent in turn by each connection. */
    readonly requests: readonly Request[];
    /** False counts as a mismatch. */
    readonly verifyBody?: (body: string) => boolean;
  }
  interface Result {
    /** Seconds. */
    readonly duration: number;
    readonly errors: number;
    readonly mismatches: number;
    readonly '2xx': number;
    readonly non2xx: number;
  }
  function autocannon(options: Options): Promise<Result>;
  export = autocannon;
}
