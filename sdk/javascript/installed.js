// Puts time and randomness of the event in place. Whatever is imported after this module finds them there. In a bundle the
// SDK's modules come up to this one, and the plugin's after it.

import { markEnd } from "./failure.js";
import "./index.js";
import { install } from "./still.js";

install();
markEnd();
