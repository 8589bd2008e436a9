using Envoy.Extensions.Filters.Http.Compressor.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>The compressor that Istio's metrics listener carries: its config is checked, responses leave as they are.</summary>
public sealed class CompressorFilterFactory : IHttpFilterFactory
{
    private static readonly HashSet<string> s_libraries = new(StringComparer.Ordinal)
    {
        "envoy.extensions.compression.brotli.compressor.v3.Brotli",
        "envoy.extensions.compression.gzip.compressor.v3.Gzip",
        "envoy.extensions.compression.zstd.compressor.v3.Zstd",
    };

    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.compressor.v3.Compressor"];

    public string? NotActiveNote => "responses are not compressed yet";

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        Envoy.Extensions.Filters.Http.Compressor.V3.Compressor compressor =
            config.Parse(Envoy.Extensions.Filters.Http.Compressor.V3.Compressor.Parser);
        if (compressor.CompressorLibrary is { } library)
        {
            string name = ExtensionRegistry.Unwrap(library.TypedConfig ?? new(), config.Field).MessageName;
            if (!s_libraries.Contains(name))
            {
                throw new ConfigRejectedException(
                    $"{config.Field}.compressor_library", $"the compressor '{library.Name}' has type '{name}', which is not known");
            }
        }

        return PassThroughModel.Instance;
    }
}
