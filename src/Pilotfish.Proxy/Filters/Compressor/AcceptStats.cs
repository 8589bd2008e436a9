using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>What clients accept, beside <see cref="CompressorStats"/>: of responses alone.</summary>
internal sealed class AcceptStats(StatScope scope)
{
    public Counter NoAcceptHeader { get; } = scope.Counter("no_accept_header");

    public Counter HeaderIdentity { get; } = scope.Counter("header_identity");

    public Counter HeaderCompressorUsed { get; } = scope.Counter("header_compressor_used");

    public Counter HeaderCompressorOvershadowed { get; } = scope.Counter("header_compressor_overshadowed");

    public Counter HeaderWildcard { get; } = scope.Counter("header_wildcard");

    public Counter HeaderNotValid { get; } = scope.Counter("header_not_valid");

    public Counter NotCompressedEtag { get; } = scope.Counter("not_compressed_etag");
}
