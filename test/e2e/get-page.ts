import { request } from "undici";

/** One GET with a Host header of its own choice, which fetch does not allow. */
export async function getPage(
  url: string,
  host: string,
): Promise<{
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}> {
  const { statusCode, headers, body } = await request(url, { headers: { host } });
  return { status: statusCode, text: await body.text(), headers };
}
