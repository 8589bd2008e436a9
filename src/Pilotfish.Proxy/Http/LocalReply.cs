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
        LocalReplyRules rules = stream.Hcm.LocalReplies;
        if (rules.IsEmpty)
        {
            var plain = new LocalReplyResult(status, body, ReplyBodyFormat.TextType, isJson: false);
            Send(stream, plain, isOwnType: !headers.Has(WellKnownHeader.ContentType), grpcStatus);
            return;
        }

        // A type that a mapper's headers say is the config's word; else one that a filter said holds for the body that it was said of.
        byte[]? typeBefore = headers.TryGet(WellKnownHeader.ContentType, out ReadOnlySpan<byte> type) ? type.ToArray() : null;
        LocalReplyResult reply = rules.Apply(stream, status, body);
        bool isTypeConfigured = !headers[WellKnownHeader.ContentType].SequenceEqual(typeBefore);
        bool isOwnType = !headers.Has(WellKnownHeader.ContentType) || (!isTypeConfigured && !reply.Body.SequenceEqual(body));
        Send(stream, reply, isOwnType, grpcStatus);
    }

    private static void Send(HttpStream stream, LocalReplyResult reply, bool isOwnType, int? grpcStatus)
    {
        StreamInfo info = stream.Info;
        stream.ResponseHeaders.SetNumber(WellKnownHeader.Status, reply.Status);
        info.ResponseCode = reply.Status;
        info.LocalReplyBody = reply.Body.IsEmpty ? null : Encoding.UTF8.GetString(reply.Body);
        if (stream.IsGrpc)
        {
            SendGrpc(stream, reply, grpcStatus);
        }
        else
        {
            SendPlain(stream, reply, isOwnType);
        }
    }

    private static void SendPlain(HttpStream stream, LocalReplyResult reply, bool isOwnType)
    {
        HeaderMap headers = stream.ResponseHeaders;
        bool bodyAllowed = reply.Status is not (204 or 304) && reply.Status >= 200;
        if (reply.Body.IsEmpty || !bodyAllowed)
        {
            headers.Remove(WellKnownHeader.ContentLength);
            headers.Remove(WellKnownHeader.ContentType);
        }
        else
        {
            headers.SetNumber(WellKnownHeader.ContentLength, reply.Body.Length);
            if (isOwnType)
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
    private static void SendGrpc(HttpStream stream, LocalReplyResult reply, int? grpcStatus)
    {
        HeaderMap headers = stream.ResponseHeaders;
        headers.SetNumber(WellKnownHeader.Status, 200);
        headers.Set(WellKnownHeader.ContentType, "application/grpc"u8);
        headers.Remove(WellKnownHeader.ContentLength);
        if (!headers.Has(WellKnownHeader.GrpcStatus))
        {
            headers.SetNumber(WellKnownHeader.GrpcStatus, grpcStatus ?? GrpcText.StatusOf(reply.Status));
        }

        ReadOnlySpan<byte> message = reply.IsJson && reply.Body.EndsWith("\n"u8) ? reply.Body[..^1] : reply.Body;
        if (!message.IsEmpty && !stream.IsHead)
        {
            headers.Set(WellKnownHeader.GrpcMessage, GrpcText.EncodeMessage(message));
        }

        SendHead(stream, end: true);
    }
}
