// A token that is wished for, as the API takes it.
export interface TokenWish {
  scope: string;
  label?: string;
  'expires-in'?: string;
}
