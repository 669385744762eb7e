// The page of a server: what its cluster does, and a chat with its model.
import { openChat } from "./chat.js";
import { showFigures } from "./figures.js";
import { askForKey, offerKey } from "./key.js";
import { showMap } from "./map.js";
import { showState } from "./state.js";
import { watchCluster } from "./watch.js";

let model = null;

const watch = watchCluster({
  seen(cluster, why) {
    model = cluster.model;
    document.getElementById("model").textContent = model;
    document.title = `${model} · clusterkit`;
    showState(cluster, why);
    showFigures(cluster);
    showMap(cluster);
  },
  failed(error, retryInS) {
    showState(null, error.status === 401 ? "An API key is needed" : error.message, retryInS);
    showFigures(null);
    if (error.status === 401) askForKey();
  },
});

offerKey(watch.now);
openChat({ model: () => model, refused: askForKey });
