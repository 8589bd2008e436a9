using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Pilotfish.Agent.Health;

/// <summary>
/// grpc.health.v1.Health/Check over plaintext HTTP/2, framed by hand: two messages of one field each do not justify a channel.
/// </summary>
internal static class GrpcHealth
{
    // Every gRPC message follows a compression flag and its length.
    private const int PrefixBytes = 5;
    private const byte Serving = 1;
    private const string Path = "/grpc.health.v1.Health/Check";

    // The length of the name is written as one byte; Kubernetes allows service names of 63.
    private const int ServiceBytesMax = 127;

    public static async Task<ProbeResult> CheckAsync(
        HttpClient client, string authority, string service, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{authority}{Path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Request(service)),
        };
        request.Headers.TryAddWithoutValidation("te", "trailers");
        request.Content.Headers.TryAddWithoutValidation("content-type", "application/grpc");
        using HttpResponseMessage response = await client.SendAsync(request, cancellation);
        byte[] body = await response.Content.ReadAsByteArrayAsync(cancellation);
        string status = Trailer(response, "grpc-status");
        if (status is not ("" or "0"))
        {
            return Failed($"gRPC status {status} {Trailer(response, "grpc-message")}");
        }

        // HealthCheckResponse: field 1, varint. An absent field is UNKNOWN.
        bool serves = body.AsSpan().StartsWith((ReadOnlySpan<byte>)[0, 0, 0, 0, 2, 0x08, Serving]);
        return serves ? new ProbeResult(HttpStatusCode.OK, "") : Failed($"the service '{service}' is not serving");
    }

    private static byte[] Request(string service)
    {
        byte[] name = Encoding.UTF8.GetBytes(service);
        if (name.Length is 0 or > ServiceBytesMax)
        {
            return new byte[PrefixBytes];
        }

        byte[] message = new byte[PrefixBytes + 2 + name.Length];
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(1), (uint)(2 + name.Length));
        message[PrefixBytes] = 0x0A;
        message[PrefixBytes + 1] = (byte)name.Length;
        name.CopyTo(message, PrefixBytes + 2);
        return message;
    }

    private static string Trailer(HttpResponseMessage response, string name) =>
        response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? late) ? late.First()
        : response.Headers.TryGetValues(name, out IEnumerable<string>? early) ? early.First()
        : "";

    private static ProbeResult Failed(string cause) =>
        new(HttpStatusCode.InternalServerError, $"The gRPC probe failed: {cause}");
}
