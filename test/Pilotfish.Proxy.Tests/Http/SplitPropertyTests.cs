using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Any valid stream of requests and responses, cut anywhere on either side, gives what it gives in one piece.</summary>
public sealed partial class SplitPropertyTests
{
    private static readonly Gen<string> s_text = Gen.Char["abcdefghijklmnopqrstuvwxyz0123456789 \r\n:;"].Array[0, 40].Select(static c => new string(c));

    private static readonly Gen<string> s_headers = Gen.Select(
        Gen.Char["abcxyz-"].Array[1, 8], Gen.Char["ab ,;=\"\t"].Array[0, 8]).Array[0, 5].Select(
        static pairs => string.Concat(pairs.Select(static pair => $"x-{new string(pair.Item1)}: {new string(pair.Item2)}\r\n")));

    private static readonly Gen<string> s_request = Gen.OneOf(
        s_headers.Select(static headers => $"GET /get HTTP/1.1\r\nHost: a\r\n{headers}\r\n"),
        Gen.Select(s_headers, s_text).Select(static (headers, body) =>
            $"POST /length HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {body.Length}\r\n\r\n{body}"),
        Gen.Select(s_headers, s_text.Array[0, 4]).Select(static (headers, parts) =>
            $"POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{headers}\r\n{Chunks(parts)}"));

    [Fact]
    public void Requests_CutAnywhere_GiveTheSame() =>
        Gen.Select(s_request.Array[1, 4], Gen.Int[1, 40].Array[0, 30], Gen.Int[1, 40].Array[0, 30], Gen.Bool).Sample(
            static (requests, cuts, answerCuts, chunkedAnswers) =>
            {
                (string Client, string Server) whole = Exchange(requests, [], [], chunkedAnswers);
                (string Client, string Server) cut = Exchange(requests, cuts, answerCuts, chunkedAnswers);
                Assert.Equal(whole.Server, cut.Server);
                Assert.Equal(whole.Client, cut.Client);
                Assert.Equal(requests.Length, whole.Client.Split("HTTP/1.1 200 OK").Length - 1);
            },
            iter: 150);

    private static string Chunks(string[] parts) =>
        string.Concat(parts.Where(static part => part.Length > 0).Select(static part => $"{part.Length:x};e=f\r\n{part}\r\n")) + "0\r\nX-T: v\r\n\r\n";

    private static (string Client, string Server) Exchange(string[] requests, int[] cuts, int[] answerCuts, bool chunkedAnswers)
    {
        (string Client, string Server) seen = default;
        LoopRunner.Run(async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve();
            TestClient client = bench.Connect();
            Task<string> server = ServeAsync(upstream, loop, requests.Length, answerCuts, chunkedAnswers);
            await SendCutAsync(client, loop, string.Concat(requests), cuts);
            var received = new StringBuilder();
            for (int i = 0; i < requests.Length; i++)
            {
                received.Append(await ReadMessageAsync(client));
            }

            seen = (RequestId().Replace(Date().Replace(received.ToString(), ""), ""), RequestId().Replace(await server, ""));
        });
        return seen;
    }

    private static async Task<string> ServeAsync(TestUpstream upstream, EventLoop loop, int count, int[] cuts, bool chunked)
    {
        TestClient connection = await upstream.AcceptAsync();
        var seen = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            string message = Framing().Replace(await ReadMessageAsync(connection), "");
            seen.Append(message);
            string echo = message[message.IndexOf("\r\n\r\n", StringComparison.Ordinal)..].Length.ToString(CultureInfo.InvariantCulture);
            string answer = chunked
                ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunks([echo])
                : $"HTTP/1.1 200 OK\r\nContent-Length: {echo.Length}\r\n\r\n{echo}";
            await SendCutAsync(connection, loop, answer, cuts);
        }

        return seen.ToString();
    }

    private static async Task SendCutAsync(TestClient to, EventLoop loop, string text, int[] cuts)
    {
        foreach (int cut in cuts)
        {
            if (cut >= text.Length)
            {
                break;
            }

            await to.SendAsync(text[..cut]);
            await loop.YieldAsync();
            text = text[cut..];
        }

        await to.SendAsync(text);
    }

    // Bodies come as the sender framed them; chunk borders may move on the way, so they are taken off.
    private static async Task<string> ReadMessageAsync(TestClient from)
    {
        string head = await from.ReadHeadAsync();
        Match length = Length().Match(head);
        if (length.Success)
        {
            return head + await from.ReadBytesAsync(int.Parse(length.Groups[1].Value, CultureInfo.InvariantCulture));
        }

        if (!head.Contains("transfer-encoding: chunked", StringComparison.OrdinalIgnoreCase))
        {
            return head;
        }

        var body = new StringBuilder();
        while (true)
        {
            string size = await from.ReadUntilAsync("\r\n");
            int bytes = Convert.ToInt32(size.Trim().Split(';')[0], 16);
            if (bytes == 0)
            {
                string trailers = await from.ReadUntilAsync("\r\n");
                return head + body + (trailers == "\r\n" ? "" : trailers + await from.ReadUntilAsync("\r\n"));
            }

            body.Append((await from.ReadBytesAsync(bytes + 2))[..bytes]);
        }
    }

    [GeneratedRegex("(?i)content-length: ([0-9]+)")]
    private static partial Regex Length();

    // A body that is known to be empty when the head leaves is announced by its length, else it is chunked; both mean the same.
    [GeneratedRegex("transfer-encoding: chunked\r\n|content-length: 0\r\n")]
    private static partial Regex Framing();

    [GeneratedRegex("date: [^\r]*\r\n")]
    private static partial Regex Date();

    [GeneratedRegex("x-request-id: [^\r]*\r\n|x-envoy-upstream-service-time: [^\r]*\r\n")]
    private static partial Regex RequestId();
}
