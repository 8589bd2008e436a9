using System.IO.Compression;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Compression.Brotli.Compressor.V3;
using Envoy.Extensions.Compression.Gzip.Compressor.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>A compressor_library: makes the compressors of bodies. Immutable; any thread.</summary>
internal sealed class CompressionLibrary
{
    private const string GzipMessage = "envoy.extensions.compression.gzip.compressor.v3.Gzip";
    private const string BrotliMessage = "envoy.extensions.compression.brotli.compressor.v3.Brotli";
    private const string ZstdMessage = "envoy.extensions.compression.zstd.compressor.v3.Zstd";

    // Envoy's defaults.
    private const uint BrotliQuality = 3;
    private const uint BrotliWindowBits = 18;

    private readonly Func<BodySink, BodyCompressor>? _create;

    private CompressionLibrary(string name, string kind, string encoding, Func<BodySink, BodyCompressor>? create)
    {
        Name = name;
        Kind = kind;
        Encoding = System.Text.Encoding.ASCII.GetBytes(encoding);
        _create = create;
    }

    /// <summary>The configured name, a part of statistics' names.</summary>
    public string Name { get; }

    /// <summary>The algorithm's part of statistics' names.</summary>
    public string Kind { get; }

    /// <summary>The word of Accept-Encoding and Content-Encoding.</summary>
    public byte[] Encoding { get; }

    /// <summary>False for zstd, which is accepted and never chosen.</summary>
    public bool IsActive => _create is not null;

    public BodyCompressor Create(BodySink sink) => _create!(sink);

    public static CompressionLibrary Compile(TypedExtensionConfig? library, string field, CompileContext context)
    {
        if (library is null)
        {
            throw new ConfigRejectedException(field, "it is missing");
        }

        if (library.Name.Length == 0)
        {
            throw new ConfigRejectedException($"{field}.name", "it is empty");
        }

        ExtensionConfig config = ExtensionRegistry.Unwrap(library.TypedConfig ?? new(), $"{field}.typed_config");
        return config.MessageName switch
        {
            GzipMessage => OfGzip(library.Name, config.Parse(Gzip.Parser), config.Field, context),
            BrotliMessage => OfBrotli(library.Name, config.Parse(Brotli.Parser), config.Field, context),
            ZstdMessage => OfZstd(library.Name, context),
            _ => throw new ConfigRejectedException(field, $"the compressor '{library.Name}' has type '{config.MessageName}', which is not known"),
        };
    }

    private static CompressionLibrary OfGzip(string name, Gzip gzip, string field, CompileContext context)
    {
        UnheededFields.Check(UnheededFields.OfGzip, gzip, field, "compressor library", context.Warnings);
        var options = new ZLibCompressionOptions
        {
            CompressionLevel = (int)gzip.CompressionLevel switch
            {
                0 => -1,
                >= 1 and <= 9 and var level => level,
                var other => throw new ConfigRejectedException($"{field}.compression_level", $"{other} is not known"),
            },
            CompressionStrategy = gzip.CompressionStrategy switch
            {
                Gzip.Types.CompressionStrategy.DefaultStrategy => ZLibCompressionStrategy.Default,
                Gzip.Types.CompressionStrategy.Filtered => ZLibCompressionStrategy.Filtered,
                Gzip.Types.CompressionStrategy.HuffmanOnly => ZLibCompressionStrategy.HuffmanOnly,
                Gzip.Types.CompressionStrategy.Rle => ZLibCompressionStrategy.RunLengthEncoding,
                Gzip.Types.CompressionStrategy.Fixed => ZLibCompressionStrategy.Fixed,
                var other => throw new ConfigRejectedException($"{field}.compression_strategy", $"{(int)other} is not known"),
            },
        };
        return new CompressionLibrary(name, "gzip", "gzip", sink => new GzipBodyCompressor(sink, options));
    }

    private static CompressionLibrary OfBrotli(string name, Brotli brotli, string field, CompileContext context)
    {
        UnheededFields.Check(UnheededFields.OfBrotli, brotli, field, "compressor library", context.Warnings);
        int quality = (int)(Bound(brotli.Quality, 0, 11, $"{field}.quality") ?? BrotliQuality);
        int windowBits = (int)(Bound(brotli.WindowBits, 10, 24, $"{field}.window_bits") ?? BrotliWindowBits);
        return new CompressionLibrary(name, "brotli", "br", sink => new BrotliBodyCompressor(sink, quality, windowBits));
    }

    private static CompressionLibrary OfZstd(string name, CompileContext context)
    {
        context.Warnings.Add($"compressor library '{name}': zstd is not available in Pilotfish; nothing is compressed with it");
        return new CompressionLibrary(name, "zstd", "zstd", null);
    }

    private static uint? Bound(uint? value, uint min, uint max, string field) => value is null || (value >= min && value <= max)
        ? value
        : throw new ConfigRejectedException(field, $"{value} is not within {min} to {max}");
}
