// A map of many vectors in the plane: their two principal components (Pearson 1901), found by power iteration. The
// same vectors give the same map.

export interface Projection {
  /** In the order of the vectors, each coordinate from -1 to 1. */
  points: [x: number, y: number][];
  /** The part of the whole spread that each of the two directions has, from 0 to 1. */
  spread: [number, number];
}

const ROUNDS = 60;
/** A direction that turns by less than this is found. */
const STILL = 1e-7;

/** Where `directed`, only the directions of the vectors count, as for the cosine. */
export function project(vectors: readonly (readonly number[])[], directed = false): Projection {
  const rows = centred(vectors.map((vector) => (directed ? scaled(vector) : Float64Array.from(vector))));
  const whole = rows.reduce((sum, row) => sum + dot(row, row), 0);
  const axes: { along: number[]; part: number }[] = [];
  for (let axis = 0; axis < 2; axis += 1) {
    const direction = principal(rows);
    const along = rows.map((row) => dot(row, direction));
    const found = along.reduce((sum, value) => sum + value * value, 0);
    axes.push({ along, part: whole > 0 ? found / whole : 0 });
    // What is left is across this direction.
    rows.forEach((row, index) => add(row, direction, -(along[index] ?? 0)));
  }
  const [first, second] = axes;
  const most = Math.max(
    1e-12,
    ...axes.map(({ along }) => along.reduce((far, value) => Math.max(far, Math.abs(value)), 0)),
  );
  return {
    points: rows.map((_, index) => [(first?.along[index] ?? 0) / most, (second?.along[index] ?? 0) / most]),
    spread: [first?.part ?? 0, second?.part ?? 0],
  };
}

/** The direction in which the rows are spread most. */
function principal(rows: readonly Float64Array[]): Float64Array {
  // The longest row is never across what is looked for.
  const longest = rows.reduce<Float64Array | undefined>(
    (best, row) => (best && dot(best, best) >= dot(row, row) ? best : row),
    undefined,
  );
  let direction = unit(Float64Array.from(longest ?? []));
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = new Float64Array(direction.length);
    for (const row of rows) add(next, row, dot(row, direction));
    const turned = unit(next);
    const still = 1 - Math.abs(dot(turned, direction)) < STILL;
    direction = turned;
    if (still) break;
  }
  return direction;
}

function centred(rows: Float64Array[]): Float64Array[] {
  const mean = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows) add(mean, row, 1 / rows.length);
  for (const row of rows) add(row, mean, -1);
  return rows;
}

function scaled(vector: readonly number[]): Float64Array {
  return unit(Float64Array.from(vector));
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return length > 1e-12 ? vector.map((value) => value / length) : vector.map(() => 0);
}

function dot(one: Float64Array, other: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < one.length; index += 1) sum += (one[index] ?? 0) * (other[index] ?? 0);
  return sum;
}

function add(to: Float64Array, what: Float64Array, times: number): void {
  for (let index = 0; index < to.length; index += 1) to[index] = (to[index] ?? 0) + (what[index] ?? 0) * times;
}
