using System.Net;

namespace Pilotfish.EndToEnd.Protocols;

/// <summary>HTTP/1.1 and HTTP/2 on either side, chosen by ALPN over TLS (auto_config) or by config in plaintext.</summary>
public sealed class VersionTests(ProtocolPlace place)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("https", "1.1", "tls-h1", "HTTP/1.1")]
    [InlineData("https", "1.1", "tls-h2", "HTTP/2")]
    [InlineData("https", "2.0", "tls-h1", "HTTP/1.1")]
    [InlineData("https", "2.0", "tls-h2", "HTTP/2")]
    [InlineData("http", "1.1", "kestrel-h1", "HTTP/1.1")]
    [InlineData("http", "1.1", "kestrel-h2", "HTTP/2")]
    [InlineData("http", "2.0", "kestrel-h1", "HTTP/1.1")]
    [InlineData("http", "2.0", "kestrel-h2", "HTTP/2")]
    public async Task Requests_InParallelWithBodies_KeepThem(string scheme, string version, string server, string upstream)
    {
        using var client = new HttpClient(place.Handler());
        Uri url = await place.UrlAsync(scheme, server);
        await Task.WhenAll(Enumerable.Range(0, 10).Select(async i =>
        {
            byte[] body = new byte[i * 20_000];
            Array.Fill(body, (byte)i);
            using var request = new HttpRequestMessage(HttpMethod.Post, url)
            {
                Version = Version.Parse(version),
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(body),
            };
            using HttpResponseMessage response = await client.SendAsync(request, Stop);
            Assert.Equal((HttpStatusCode.OK, Version.Parse(version)), (response.StatusCode, response.Version));
            Assert.Equal(upstream, Assert.Single(response.Headers.GetValues("x-protocol")));
            Assert.Equal(body, await response.Content.ReadAsByteArrayAsync(Stop));
        }));
    }
}
