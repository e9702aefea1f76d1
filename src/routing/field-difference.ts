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
  if (/\d.*\d.*\d/.test(name) || /^[0-9a-f]{8,}$/i.test(name) || isDrawn(name)) return "{}";
  return name;
}

/** Letters that nobody chose: more consonants in a row than `xmlhttprequest` has, or capitals strewn about. Words are longer than two letters on the whole. */
function isDrawn(name: string): boolean {
  if (name.length < 10) return false;
  if (/[bcdfghjklmnpqrstvwxz]{9}/.test(name)) return true;
  const pieces = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [];
  const letters = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return pieces.length >= 5 && letters / pieces.length < 2.4;
}
