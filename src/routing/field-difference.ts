/** How a field of one answer is not that of the other. */
export type DifferenceKind = "added" | "missing" | "type" | "value" | "length" | "order";

/** One field in which two answers differ. Names and shapes only: no value of an answer stands in it. */
export interface FieldDifference {
  /** `status`, `header location`, `body.items[].price`. */
  readonly field: string;
  readonly how: DifferenceKind;
  readonly example: string;
}

/** A name that a program was written with, or `{}` for one that may be data: an id, an address, a person. */
export function plainName(name: string): string {
  if (!/^[A-Za-z_$][\w$.:-]{0,39}$/.test(name)) return "{}";
  if (/\d.*\d.*\d/.test(name) || /^[0-9a-f]{8,}$/i.test(name)) return "{}";
  return name;
}
