using System.Globalization;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>
/// Every local reply in every form: over HTTP/1.1 and HTTP/2, to GET, to HEAD, to gRPC; its status, body, content-type and content-length,
/// and the flags and details in the access log.
/// </summary>
public sealed class LocalReplyTableTests
{
    private const string Http1 = "HTTP/1.1";
    private const string Http2 = "HTTP/2";

    public static TheoryData<string, string, string> Rows { get; } = Cross();

    [Theory]
    [MemberData(nameof(Rows))]
    public void Reply_InItsForm_IsEnvoys(string label, string protocol, string kind)
    {
        LocalReplyCase row = Assert.Single(LocalReplyCases.All, c => c.Label == label);
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new CauseBench(loop, clock);
            row.SetUp(bench);
            TestClient client = await bench.ConnectAsync();
            Reply reply = await (protocol == Http1 ? AskAsync(bench, client, row, kind) : AskHttp2Async(bench, client, row, kind));
            if (kind == "gRPC")
            {
                CheckGrpc(row, reply);
            }
            else
            {
                CheckPlain(row, reply, kind);
            }

            if (row.Header is { } header)
            {
                Assert.Equal(header.Value, reply.Fields[header.Name]);
            }

            Assert.DoesNotContain(row.AbsentHeader ?? "x-not-there", reply.Fields.Keys);
            await bench.UntilAsync(() => bench.Records.Count > 0);
            string[] record = bench.Records[0].Split(' ');
            Assert.Equal(
                [(kind == "gRPC" ? 200 : row.Status).ToString(CultureInfo.InvariantCulture), row.Flags, row.Details], [record[0], record[1], record[3]]);
        });

        void CheckPlain(LocalReplyCase row, Reply reply, string kind)
        {
            Assert.Equal(row.Status.ToString(CultureInfo.InvariantCulture), reply.Fields[":status"]);
            bool empty = row.Body.Length == 0;
            Assert.Equal(empty ? null : "text/plain", reply.Fields.GetValueOrDefault("content-type"));

            // The codec of HTTP/1.1 says 0 where a response without a body could be taken for one that ends with the connection.
            string? length = !empty ? row.Body.Length.ToString(CultureInfo.InvariantCulture)
                : protocol == Http1 && kind != "HEAD" && row.Status != 204 ? "0"
                : null;
            Assert.Equal(length, reply.Fields.GetValueOrDefault("content-length"));
            Assert.Equal(kind == "HEAD" ? "" : row.Body, reply.Body);
            Assert.DoesNotContain("grpc-status", reply.Fields.Keys);
        }

        void CheckGrpc(LocalReplyCase row, Reply reply)
        {
            Assert.Equal("200", reply.Fields[":status"]);
            Assert.Equal("application/grpc", reply.Fields["content-type"]);
            int status = row.GrpcStatus ?? row.Status switch { 400 => 13, 401 => 16, 403 => 7, 404 => 12, 429 or 502 or 503 or 504 => 14, _ => 2 };
            Assert.Equal(status.ToString(CultureInfo.InvariantCulture), reply.Fields["grpc-status"]);
            string? message = row.Body.Length == 0 ? null : row.Body.Replace("%", "%25", StringComparison.Ordinal);
            Assert.Equal(message, reply.Fields.GetValueOrDefault("grpc-message"));
            Assert.Equal(protocol == Http1 ? "0" : null, reply.Fields.GetValueOrDefault("content-length"));
            Assert.Equal("", reply.Body);
        }
    }

    private static async Task<Reply> AskAsync(CauseBench bench, TestClient client, LocalReplyCase row, string kind)
    {
        string more = row.RequestHeader is { } header ? $"{header.Name}: {header.Value}\r\n" : "";
        string type = kind == "gRPC" ? "content-type: application/grpc\r\ncontent-length: 0\r\n" : "";
        string method = kind == "gRPC" ? "POST" : kind;
        await client.SendAsync($"{method} / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 10.0.0.1\r\nconnection: close\r\n{type}{more}\r\n");
        await PassTimeAsync(bench, row);
        string[] lines = (await client.ReadHeadAsync()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var fields = new Dictionary<string, string> { [":status"] = lines[0].Split(' ')[1] };
        foreach (string line in lines[1..])
        {
            int colon = line.IndexOf(": ", StringComparison.Ordinal);
            fields.Add(line[..colon], line[(colon + 2)..]);
        }

        return new Reply(fields, await client.ReadToEndAsync());
    }

    private static async Task<Reply> AskHttp2Async(CauseBench bench, TestClient client, LocalReplyCase row, string kind)
    {
        var peer = new Http2Peer(client.Stream);
        await peer.StartClientAsync();
        List<(string, string)> request =
        [
            (":method", kind == "gRPC" ? "POST" : kind), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("x-forwarded-for", "10.0.0.1"),
        ];
        if (kind == "gRPC")
        {
            request.Add(("content-type", "application/grpc"));
        }

        if (row.RequestHeader is { } header)
        {
            request.Add(header);
        }

        await peer.HeadersAsync(1, end: true, [.. request]);
        await PassTimeAsync(bench, row);
        (_, bool end, Dictionary<string, string> fields) = await peer.ReadHeadersAsync();
        Assert.Equal(kind != "GET" || row.Body.Length == 0, end);
        return new Reply(fields, end ? "" : await peer.ReadBodyAsync());
    }

    private static async Task PassTimeAsync(CauseBench bench, LocalReplyCase row)
    {
        if (row.Arrives)
        {
            await bench.UntilAsync(() => bench.Arrivals > 0);
        }

        if (row.Waits)
        {
            await bench.AdvanceUntilRecordAsync();
        }
    }

    private static TheoryData<string, string, string> Cross()
    {
        var rows = new TheoryData<string, string, string>();
        foreach (LocalReplyCase row in LocalReplyCases.All)
        {
            foreach (string kind in (string[])["GET", "HEAD", "gRPC"])
            {
                rows.Add(row.Label, Http1, kind);
                rows.Add(row.Label, Http2, kind);
            }
        }

        return rows;
    }

    private sealed record Reply(Dictionary<string, string> Fields, string Body);
}
