// A token that is wished for, as the API takes it.
export interface TokenWish {
  scope: string;
  label?: string;
  // `null` is for ever.
  'expires-in': string | null;
}
