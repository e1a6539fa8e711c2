/** Where the issuer sends the window of the sign-in back to: tells the admin page what the issuer has answered, and closes. */
import { SIGNED_IN } from './issuer.js';

new BroadcastChannel(SIGNED_IN).postMessage(location.search);
// The code is of no use to anybody else, and need not be looked at.
history.replaceState(null, '', location.pathname);
window.close();
