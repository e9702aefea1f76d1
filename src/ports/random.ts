import { randomBytes } from "node:crypto";

/** Chance as a port: keys, ids, salts and the simulator's draws. */
export interface Random {
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1). */
  float(): number;
}

/** The system's cryptographic source. */
export function createSystemRandom(): Random {
  return {
    bytes: (count) => randomBytes(count),
    float: () => randomBytes(4).readUInt32LE() / 2 ** 32,
  };
}

/** Reproducible chance for tests and the simulator (sfc32, Chris Doty-Humphrey's PractRand). Never for keys. */
export function createSeededRandom(seed: number): Random {
  let a = seed >>> 0;
  let b = Math.imul(seed, 2654435761) >>> 0;
  let c = (0x9e3779b9 ^ seed) >>> 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let warmUp = 0; warmUp < 20; warmUp += 1) next();
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff),
    float: () => next() / 2 ** 32,
  };
}
