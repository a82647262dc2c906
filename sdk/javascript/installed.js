// Puts time and randomness of the event in place. Whatever is imported after this module finds them there.

import { install } from "./still.js";

install();
