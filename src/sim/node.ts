/** A simulated machine. Its worker and its instances live and die with it. */
export class SimNode {
  readonly name: string;
  isUp = true;
  /** How often it was started. */
  boots = 1;

  constructor(name: string) {
    this.name = name;
  }
}
