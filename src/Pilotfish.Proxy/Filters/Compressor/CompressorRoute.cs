namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>A compiled CompressorPerRoute.</summary>
/// <param name="Responses">Whether responses may be compressed; null = as the chain's config says.</param>
/// <param name="RemovesAcceptEncoding">In place of the chain's; null = as that says.</param>
/// <param name="Library">In place of the chain's; null = that one.</param>
internal sealed record CompressorRoute(bool? Responses, bool? RemovesAcceptEncoding, CompressionLibrary? Library);
