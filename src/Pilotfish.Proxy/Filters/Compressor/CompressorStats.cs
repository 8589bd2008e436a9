using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary><c>http.PREFIX.compressor.LIBRARY.KIND.*</c> of one direction.</summary>
internal sealed class CompressorStats(StatScope scope)
{
    public Counter Compressed { get; } = scope.Counter("compressed");

    public Counter NotCompressed { get; } = scope.Counter("not_compressed");

    public Counter TotalUncompressedBytes { get; } = scope.Counter("total_uncompressed_bytes");

    public Counter TotalCompressedBytes { get; } = scope.Counter("total_compressed_bytes");

    public Counter ContentLengthTooSmall { get; } = scope.Counter("content_length_too_small");
}
