// A gateway's frame may come back here inside itself: the result belongs to the whole window.
if (window.top !== window.self) window.top.location.replace(window.location.href);
