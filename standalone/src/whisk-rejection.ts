/** A request that OpenWhisk answers with an error: the HTTP status and OpenWhisk's own text. */
export class WhiskRejection extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "WhiskRejection";
    this.status = status;
  }
}
