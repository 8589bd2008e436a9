using Pilotfish.Testing;
using CompressorMessage = Envoy.Extensions.Filters.Http.Compressor.V3.Compressor;
using Responses = Envoy.Extensions.Filters.Http.Compressor.V3.Compressor.Types.ResponseDirectionConfig;

namespace Pilotfish.Proxy.Tests.Filters.Compressor;

/// <summary>Which of several compressors a response is for.</summary>
public sealed class EncodingChoiceTests
{
    // The chain is gzip, then Brotli.
    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("br", "br")]
    [InlineData("gzip, br", "gzip")]
    [InlineData("br, gzip", "br")]
    [InlineData("gzip;q=0.5, br", "br")]
    [InlineData("gzip ; Q = 0.9 , br; q=0.8", "gzip")]
    [InlineData("br;q=0.5, gzip;q=0.5", "br")]
    [InlineData("*", "gzip")]
    [InlineData("*;q=0.5, br;q=0.1", "gzip")]
    [InlineData("gzip;q=0, *", "br")]
    [InlineData("gzip;q=0, br;q=0, *", null)]
    [InlineData("*;q=0, gzip", "gzip")]
    [InlineData("*;q=0", null)]
    [InlineData("identity", null)]
    [InlineData("identity, gzip;q=0.5", null)]
    [InlineData("identity;q=0.5, gzip", "gzip")]
    [InlineData("deflate", null)]
    [InlineData("deflate, gzip;q=0.1", "gzip")]
    [InlineData("zstd, br;q=0.2", "br")]
    [InlineData("gzip;q=a, br;q=0.1", "br")]
    [InlineData("gzip;q=0.5;x=1, br;q=0.1", "br")]
    [InlineData("gzip;level=1", "gzip")]
    [InlineData(", ,;q=1", null)]
    public void HeaderChoosesAmongThem(string accepts, string? encoding) => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip()), CompressorBench.Of(CompressorBench.Brotli())]);
        string head = await bench.GetAsync($"Accept-Encoding: {accepts}\r\n", CompressorBench.Answer());
        Assert.True(head.Contains("content-encoding:") == encoding is not null, head);
        Assert.Contains(encoding is null ? "" : $"content-encoding: {encoding}\r\n", head);
        if (encoding is not null)
        {
            // Once, not one in the other.
            Assert.Equal(CompressorBench.Text, CompressorBench.Decode(encoding, await CompressorBench.ReadChunksAsync(bench.Client)));
        }
    });

    [Fact]
    public void SeveralHeaders_CountAsOne() => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip())]);
        Assert.Contains("content-encoding: gzip", await bench.GetAsync("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", CompressorBench.Answer()));
    });

    [Theory]
    [InlineData("gzip, br", "br")]
    [InlineData("gzip, br;q=0.9", "gzip")]
    public void PreferredOne_WinsAmongEqual(string accepts, string encoding) => LoopRunner.Run(async loop =>
    {
        CompressorMessage preferred = CompressorBench.Of(CompressorBench.Brotli());
        preferred.ChooseFirst = true;
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip()), preferred]);
        Assert.Contains($"content-encoding: {encoding}\r\n", await bench.GetAsync($"Accept-Encoding: {accepts}\r\n", CompressorBench.Answer()));
    });

    [Fact]
    public void OneThatDoesNotTakeTheType_IsNoChoice() => LoopRunner.Run(async loop =>
    {
        var other = new Responses { CommonConfig = new() { ContentType = { "text/html" } } };
        using var bench = new CompressorBench(
            loop, [CompressorBench.Of(CompressorBench.Gzip(), other), CompressorBench.Of(CompressorBench.Brotli())]);
        string head = await bench.GetAsync("Accept-Encoding: gzip, br;q=0.5\r\n", CompressorBench.Answer("Content-Type: application/json\r\n"));
        Assert.Contains("content-encoding: br\r\n", head);
    });

    [Fact]
    public void Zstd_IsNoChoice() => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Zstd()), CompressorBench.Of(CompressorBench.Gzip())]);
        Assert.Contains("content-encoding: gzip\r\n", await bench.GetAsync("Accept-Encoding: zstd, gzip;q=0.1\r\n", CompressorBench.Answer()));
        Assert.Equal(["compressor library 'zst': zstd is not available in Pilotfish; nothing is compressed with it"], bench.Proxy.Context.Warnings.Remarks);
    });

    // Who lost is told apart from who was not asked for.
    [Theory]
    [InlineData("br", "header_compressor_overshadowed", "header_compressor_used")]
    [InlineData("gzip", "header_compressor_used", "header_compressor_overshadowed")]
    [InlineData("*", "header_wildcard", "header_wildcard")]
    [InlineData("identity", "header_identity", "header_identity")]
    [InlineData("lzma", "header_not_valid", "header_not_valid")]
    public void Statistics_TellTheChoice(string accepts, string ofGzip, string ofBrotli) => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip()), CompressorBench.Of(CompressorBench.Brotli())]);
        await bench.GetAsync($"Accept-Encoding: {accepts}\r\n", CompressorBench.Answer());
        Assert.Equal(1, bench.Counter($"gz.gzip.{ofGzip}"));
        Assert.Equal(1, bench.Counter($"bro.brotli.{ofBrotli}"));
    });
}
