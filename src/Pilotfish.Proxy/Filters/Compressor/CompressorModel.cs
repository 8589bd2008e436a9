using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>The filter in a chain, as compiled.</summary>
internal sealed class CompressorModel : HttpFilterModel
{
    public required CompressionLibrary Library { get; init; }

    /// <summary>Null: requests stay as they are.</summary>
    public required CompressorDirection? Requests { get; init; }

    /// <summary>Counts requests, also where none is compressed.</summary>
    public required CompressorStats RequestStats { get; init; }

    public required CompressorDirection Responses { get; init; }

    public required AcceptStats Accepts { get; init; }

    /// <summary>Whether a response with an ETag stays as it is.</summary>
    public required bool DisablesOnEtag { get; init; }

    public required bool RemovesAcceptEncoding { get; init; }

    /// <summary>Ascending.</summary>
    public required uint[] UncompressibleCodes { get; init; }

    /// <summary>Whether responses tell what became of them by x-envoy-compression-status.</summary>
    public required bool TellsStatus { get; init; }

    /// <summary>Whether this one wins where the client likes several equally.</summary>
    public required bool ChooseFirst { get; init; }

    public override HttpFilter? Create(HttpStream stream, string name)
    {
        CompressorRoute? route = stream.RouteConfigOf<CompressorRoute>(name);
        CompressionLibrary library = route?.Library ?? Library;
        return library.IsActive ? new CompressorFilter(this, route, library) : null;
    }
}
