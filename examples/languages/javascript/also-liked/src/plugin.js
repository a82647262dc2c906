// Recommends what users liked who liked the same: items are counted by the items that came just before them.
//
// The pipeline's key is the user. So that counts of all users meet, the pipeline has one partition, or the counts are
// those of the partition.

import { DROP, emit, Reject, state } from "tailrace";

/** Items of a user that are remembered, and items that are recommended. */
const REMEMBERED = 10;
const RECOMMENDED = 3;
/** Most items beside another one. The rarest makes room. */
const MOST_BESIDE = 50;

export default class AlsoLiked {
  constructor(config) {
    this.least = config?.least_rating ?? 4;
  }

  process(event) {
    const { item, rating = 5 } = event.json();
    if (typeof item !== "string") {
      throw new Reject("missing-field", "the rating names no item");
    }
    if (rating < this.least) {
      return DROP;
    }
    let liked = state.getJson(`user/${event.key}`, []);
    if (!liked.includes(item)) {
      for (const other of liked) {
        count(item, other);
        count(other, item);
      }
      liked = [...liked, item].slice(-REMEMBERED);
      state.setJson(`user/${event.key}`, liked);
    }
    return emit({ user: event.key, items: recommended(liked) });
  }
}

/** Counts that both were liked by one user. */
function count(item, other) {
  const beside = new Map(state.getJson(`item/${item}`, []));
  if (!beside.has(other) && beside.size === MOST_BESIDE) {
    const [rarest] = [...beside].reduce((least, entry) => (entry[1] < least[1] ? entry : least));
    beside.delete(rarest);
  }
  beside.set(other, (beside.get(other) ?? 0) + 1);
  state.setJson(`item/${item}`, [...beside]);
}

/** The items that were liked beside these most often. */
function recommended(liked) {
  const scores = new Map();
  for (const item of liked) {
    for (const [other, times] of state.getJson(`item/${item}`, [])) {
      if (!liked.includes(other)) {
        scores.set(other, (scores.get(other) ?? 0) + times);
      }
    }
  }
  const best = [...scores].sort(([a, more], [b, less]) => less - more || (a < b ? -1 : 1));
  return best.slice(0, RECOMMENDED).map(([item]) => item);
}
