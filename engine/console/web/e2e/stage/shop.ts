// A pipeline with one step that rejects what is out of range.
export const ORDERS = `name: orders
input:
  subjects: ["dev.events.>"]
  key: { json: /user }
partitions: 2
steps:
  - name: check
    plugin: validator@1.0.0
    config:
      schema:
        unknown: keep
        fields:
          user: { type: text, required: true }
          amount: { type: number, required: true, min: 0 }
output:
  subject: "dev.orders.{key}"
`;

export const SUBJECT = 'dev.events.order';
