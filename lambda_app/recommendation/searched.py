"""What a release is searched in: the index and the catalog of one segment, or of several as one."""

from lambda_app.release.catalog import Catalog
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.segmented_index import SegmentedIndex

Index = VectorIndex | SegmentedIndex
Items = Catalog | SegmentedCatalog
