// Loads the page's modules. A network that changes meanwhile makes browsers drop some of them: then once again.
import("./main.js").catch(() => {
  const [navigation] = performance.getEntriesByType("navigation");
  if (navigation?.type !== "reload") return location.reload();
  const state = document.getElementById("state");
  state.dataset.state = "gone";
  state.querySelector(".words").textContent = "Parts of this page did not arrive: load it again";
});
