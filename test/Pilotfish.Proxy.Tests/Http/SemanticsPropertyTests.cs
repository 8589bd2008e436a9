using CsCheck;
using Envoy.Config.Core.V3;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>
/// A message that goes through two proxies with HTTP/2 between them arrives as it was sent: method, target, fields, body and trailers of
/// the request, status, fields, body and trailers of the response.
/// </summary>
public sealed class SemanticsPropertyTests
{
    // Bodies beyond a window of either proxy are in, so that flow control has its part.
    private const int BodyBytesMax = 100_000;

    private static readonly Gen<string> s_value = Gen.Char["abcXYZ019 ,;=\"/()%\t"].Array[0, 40].Select(static c => new string(c).Trim());

    private static readonly Gen<(string Name, string Value)[]> s_fields = Gen.Select(
        Gen.OneOf(Gen.Char["abcxyz-"].Array[1, 4].Select(static c => "x-" + new string(c)), Gen.Const("cookie"), Gen.Const("accept"),
            Gen.Const("authorization"), Gen.Const("cache-control")),
        s_value).Array[0, 8].Select(static fields => Array.FindAll(fields, static field => field.Item1 != "cookie" || field.Item2.Length > 0));

    private static readonly Gen<(string Name, string Value)[]> s_trailers =
        Gen.Select(Gen.Char["abc"].Array[1, 3].Select(static c => "x-t-" + new string(c)), s_value).Array[0, 3];

    private static readonly Gen<string> s_body = Gen.Int[0, 3].SelectMany(
        static kind => kind == 3 ? Gen.Int[20_000, BodyBytesMax] : Gen.Int[0, 50]).Select(static length => new string('b', length));

    private static readonly Gen<HttpMessage> s_request = Gen.Select(
        OneOf("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"), Gen.Char["ab/.~_?=&%20"].Array[0, 30], s_fields, s_body,
        Gen.Bool, s_trailers).Select(static (method, path, fields, body, chunked, trailers) => new HttpMessage(
            $"{method} /{new string(path).Replace("%", "%41", StringComparison.Ordinal)} HTTP/1.1", [("host", "a.example"), .. fields],
            MayHaveBody(method) ? body : "", chunked && MayHaveBody(method), chunked && MayHaveBody(method) ? trailers : []));

    private static readonly Gen<HttpMessage> s_response = Gen.Select(
        OneOf("200 OK", "201 Created", "204 No Content", "304 Not Modified", "404 Not Found", "500 Internal Server Error"), s_fields,
        s_body, Gen.Bool, s_trailers).Select(static (status, fields, body, chunked, trailers) =>
            new HttpMessage("HTTP/1.1 " + status, fields, body, chunked, chunked ? trailers : []));

    [Fact]
    public void Messages_ThroughHttp2_ArriveAsTheyWereSent() =>
        Gen.Select(s_request, s_response).Array[1, 3].Sample(static exchanges => LoopRunner.Run(async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var second = new ProxyBench(loop);
            second.AddTrailerCluster("backend", upstream.Address);
            second.Serve(static hcm => hcm.HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true });
            ListenSocket between = ListenSocket.Listen(loop, NetAddress.Loopback(0));
            var first = new ProxyBench(loop);
            first.AddHttpCluster("backend", new HttpProtocolOptions
            {
                ExplicitHttpConfig = new HttpProtocolOptions.Types.ExplicitHttpConfig { Http2ProtocolOptions = new Http2ProtocolOptions() },
            }, between.LocalAddress);
            first.Serve(static hcm => hcm.HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true });
            TestClient client = first.Connect();
            Task accepting = AcceptAsync(between, second);
            TestClient? server = null;
            foreach ((HttpMessage request, HttpMessage response) in exchanges)
            {
                bool toHead = request.FirstLine.StartsWith("HEAD ", StringComparison.Ordinal);
                bool bodyLess = !MayHaveBody(request.FirstLine[..request.FirstLine.IndexOf(' ')]);
                Task sending = client.SendAsync(request.ToWire(bodyLess));
                server ??= await upstream.AcceptAsync();
                HttpMessage arrived = await HttpMessage.ReadAsync(server, bodyLess);
                await sending;
                Same(request, arrived);
                Assert.Equal("a.example", arrived.Fields.Single(static field => field.Name == "host").Value);

                bool empty = response.FirstLine.Contains(" 204 ", StringComparison.Ordinal) || response.FirstLine.Contains(" 304 ", StringComparison.Ordinal);
                sending = server.SendAsync(response.ToWire(empty || toHead));
                HttpMessage answered = await HttpMessage.ReadAsync(client, empty || toHead);
                await sending;
                Same(empty || toHead ? response with { Body = "", Trailers = [] } : response, answered);
            }

            client.Stream.Close();
            between.Close();
            server?.Stream.Close();
            await accepting;
        }), iter: 60);

    private static void Same(HttpMessage sent, HttpMessage arrived)
    {
        Assert.Equal(sent.FirstLine, arrived.FirstLine);
        Assert.Equal(sent.EndToEnd, arrived.EndToEnd);
        Assert.Equal(sent.Body, arrived.Body);
        Assert.Equal(sent.Trailers, arrived.Trailers);
    }

    private static async Task AcceptAsync(ListenSocket listener, ProxyBench into)
    {
        while ((await listener.AcceptAsync()).Stream is { } stream)
        {
            into.Accept(stream);
        }
    }

    private static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static bool MayHaveBody(string method) => method is "POST" or "PUT" or "PATCH" or "DELETE";
}
