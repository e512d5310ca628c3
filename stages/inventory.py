"""List the raw scans of one category in a bucket; nothing where `data.in_bucket` names none."""

from mentor3ad.buckets.inventory import INVENTORY_FILE, Inventory
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.plumbing.files import folder_replaced_whole
from mentor3ad.plumbing.logs import Figures

from .runner import HERE, run_category


def inventory(params: Params, category: str) -> Figures:
    if params.data.bucket is None:
        raise ConfigError("data.bucket = null: set it to s3://BUCKET/PREFIX of data.in_bucket")
    found = Inventory.take(f"{params.data.bucket}/{category}")
    with folder_replaced_whole(HERE.inventory(category)) as out:
        (out / INVENTORY_FILE).write_text(found.to_text(), encoding="utf-8")
    return {"files": len(found.files), "bytes": sum(file.size for file in found.files)}


if __name__ == "__main__":
    run_category(inventory)
