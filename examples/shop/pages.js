const euros = (cents) => `${(cents / 100).toFixed(2)} €`;

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (character) => escapes[character]);

/** The shop's pages as HTML text. All of them carry the release's look. */
export function createPages({ release, assets }) {
  const page = (title, main) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${assets.stylePath}"><script src="${assets.scriptPath}" defer></script></head>
<body><header><h1>The Rope Shop</h1><a href="/">Catalogue</a><a href="/basket">Basket</a><a href="/account">Account</a></header>
<main>${main}</main><footer>release ${escapeHtml(release.name)}</footer></body></html>
`;
  const note = release.giftNote ? `<label>Gift note <input name="giftNote" maxlength="200"></label> ` : "";

  return {
    catalogue: (items) =>
      page(
        "Catalogue",
        `<ul>${items.map((item) => `<li><a href="/item/${item.id}">${escapeHtml(item.name)}</a><br>${euros(item.priceCents)}</li>`).join("")}</ul>`,
      ),
    item: (item) =>
      page(
        item.name,
        `<h2>${escapeHtml(item.name)}</h2><p>${euros(item.priceCents)}</p>
<form method="post" action="/basket"><input type="hidden" name="item" value="${item.id}"><button>Into the basket</button></form>
<form method="post" action="/checkout"><input type="hidden" name="item" value="${item.id}">${note}<button>Buy now</button></form>`,
      ),
    basket: (lines) =>
      page(
        "Basket",
        lines.length === 0
          ? "<p>Your basket is empty.</p>"
          : `<ul>${lines.map((line) => `<li>${line.count} × ${escapeHtml(line.name)}</li>`).join("")}</ul>
<form method="post" action="/checkout">${note}<button>Buy</button></form>`,
      ),
    confirmed: (order) => page("Thank you", `<h2>Order ${order} is confirmed.</h2>`),
    account: (member) => page("Account", `<h2>Hello ${escapeHtml(member)}</h2>`),
    logIn: () =>
      page(
        "Log in",
        `<form method="post" action="/login"><label>Name <input name="name" required></label> <button>Log in</button></form>`,
      ),
    message: (title) => page(title, `<h2>${escapeHtml(title)}</h2>`),
  };
}
