using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http1;

/// <summary>A violation of HTTP/1 framing or syntax: the status a client gets and the details that logs show.</summary>
public sealed class Http1Error
{
    public static readonly Http1Error Codec = new(400, ResponseDetails.Http1CodecError);
    public static readonly Http1Error InvalidCharacters = new(400, ResponseDetails.Http1InvalidCharacters);
    public static readonly Http1Error InvalidUrl = new(400, ResponseDetails.Http1InvalidUrl);
    public static readonly Http1Error InvalidAuthority = new(400, ResponseDetails.InvalidAuthority);
    public static readonly Http1Error ContentLengthAndChunked = new(400, ResponseDetails.Http1ContentLengthAndChunked);
    public static readonly Http1Error ContentLengthNotAllowed = new(400, ResponseDetails.Http1ContentLengthNotAllowed);
    public static readonly Http1Error InvalidTransferEncoding = new(501, ResponseDetails.Http1InvalidTransferEncoding);
    public static readonly Http1Error TransferEncodingNotAllowed = new(400, ResponseDetails.Http1TransferEncodingNotAllowed);
    public static readonly Http1Error HeadersTooLarge = new(431, ResponseDetails.Http1HeadersTooLarge);
    public static readonly Http1Error TooManyHeaders = new(431, ResponseDetails.Http1TooManyHeaders);
    public static readonly Http1Error TrailersTooLarge = new(431, ResponseDetails.Http1TrailersTooLarge);
    public static readonly Http1Error ConnectionHeaderRejected = new(400, ResponseDetails.Http1ConnectionHeaderRejected);
    public static readonly Http1Error UnexpectedUnderscore = new(400, ResponseDetails.Http1UnexpectedUnderscore);
    public static readonly Http1Error BodyDisallowed = new(400, ResponseDetails.Http1BodyDisallowed);

    private Http1Error(int status, string details)
    {
        Status = status;
        Details = details;
        Reason = new EndReason(EndCause.BadRequest, EndSide.Downstream, details,
            ResponseFlags.Of(ResponseFlag.DownstreamProtocolError), "The client's bytes are not valid HTTP/1.1.");
    }

    public int Status { get; }

    public string Details { get; }

    /// <summary>The end of a request that a client spoilt this way.</summary>
    public EndReason Reason { get; }
}
