/** The images that containers are made of. Those of kinds must be there; those that users name are pulled (DockerContainer.scala:111-127). */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import type Docker from "dockerode";

export async function isPresent(engine: Docker, image: string): Promise<boolean> {
  try {
    await engine.getImage(image).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw new HarvestError("OWH_CHILD_FAILED", `The Docker engine cannot be asked for image ${image}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** A tag that may have moved must be pulled; a fixed one may also be used as it is here. OWH_NOT_FOUND when neither works. */
export async function provideBlackbox(engine: Docker, image: string): Promise<void> {
  try {
    await pull(engine, image);
  } catch (error) {
    if (hasFixedTag(image) && (await isPresent(engine, image))) return;
    throw new HarvestError("OWH_NOT_FOUND", `Failed to pull container image '${image}'.`, { cause: error });
  }
}

/** Neither `latest` nor absent; a digest is as fixed as can be. A colon before the last slash belongs to a port. */
export function hasFixedTag(image: string): boolean {
  if (image.includes("@")) return true;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag !== undefined && tag !== "latest";
}

async function pull(engine: Docker, image: string): Promise<void> {
  // Without a tag the engine would pull all there are.
  const tagged = image.includes("@") || /:[^/:]+$/.test(image) ? image : `${image}:latest`;
  const progress = await engine.pull(tagged);
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
  });
}
