using System.Text;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http;

/// <summary>Builds the responses that the proxy makes itself, in Envoy's form, and sends them through the response filters.</summary>
internal static class LocalReply
{
    public static void Send(HttpStream stream, int status, ReadOnlySpan<byte> body, Action<HeaderMap>? addHeaders, int? grpcStatus)
    {
        HeaderMap headers = stream.ResponseHeaders;
        headers.Clear();
        headers.SetNumber(WellKnownHeader.Status, status);
        addHeaders?.Invoke(headers);
        StreamInfo info = stream.Info;
        info.ResponseCode = status;
        info.ResponseHeaders = headers;
        LocalReplyResult rewritten = stream.Hcm.LocalReplies.Apply(stream, status, body);
        status = rewritten.Status;
        headers.SetNumber(WellKnownHeader.Status, status);
        info.ResponseCode = status;
        info.LocalReplyBody = rewritten.Body.IsEmpty ? null : Encoding.UTF8.GetString(rewritten.Body);
        if (stream.IsGrpc)
        {
            SendGrpc(stream, status, rewritten.Body, grpcStatus);
            return;
        }

        SendPlain(stream, rewritten);
    }

    private static void SendPlain(HttpStream stream, LocalReplyResult reply)
    {
        HeaderMap headers = stream.ResponseHeaders;
        bool bodyAllowed = reply.Status is not (204 or 304) && reply.Status >= 200;
        if (!reply.Body.IsEmpty && bodyAllowed)
        {
            headers.SetNumber(WellKnownHeader.ContentLength, reply.Body.Length);
            if (!headers.Has(WellKnownHeader.ContentType) || reply.HasOwnContentType)
            {
                headers.Set(WellKnownHeader.ContentType, reply.ContentType);
            }
        }

        bool withBody = !reply.Body.IsEmpty && bodyAllowed && !stream.IsHead;

        // Filters may end or hold the response; the body must outlive the scratch it may have been made in.
        byte[]? body = withBody ? reply.Body.ToArray() : null;
        SendHead(stream, end: !withBody);
        if (body is null || stream.IsEnded)
        {
            return;
        }

        if (stream.RepliesPastFilters)
        {
            stream.SendDataDown(body, end: true);
        }
        else
        {
            stream.Response.Data(body, end: true);
        }
    }

    private static void SendHead(HttpStream stream, bool end)
    {
        if (stream.RepliesPastFilters)
        {
            stream.SendHeadersDown(end);
        }
        else
        {
            stream.Response.Headers(end);
        }
    }

    // gRPC clients want 200 with the status in the head ("trailers only").
    private static void SendGrpc(HttpStream stream, int status, ReadOnlySpan<byte> body, int? grpcStatus)
    {
        HeaderMap headers = stream.ResponseHeaders;
        byte[] message = GrpcText.EncodeMessage(body);
        headers.SetNumber(WellKnownHeader.Status, 200);
        headers.Set(WellKnownHeader.ContentType, "application/grpc"u8);
        headers.SetNumber(WellKnownHeader.GrpcStatus, grpcStatus ?? GrpcText.StatusOf(status));
        if (message.Length > 0)
        {
            headers.Set(WellKnownHeader.GrpcMessage, message);
        }

        SendHead(stream, end: true);
    }
}
