/** How far a work that advances piece by piece has come, in units that the work names. */
export interface WorkProgress {
  readonly done: number;
  readonly total: number;
  readonly finished: boolean;
}
