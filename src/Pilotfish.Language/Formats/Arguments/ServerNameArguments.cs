namespace Pilotfish.Language.Formats.Arguments;

/// <summary>The argument of REQUESTED_SERVER_NAME: (X:Y), X = SNI_ONLY, SNI_FIRST or HOST_FIRST; Y = ORIG, HOST or ORIG_OR_HOST.</summary>
/// <param name="Order">What is printed, and what where that is missing.</param>
/// <param name="Host">Where the host is read from.</param>
public readonly record struct ServerNameArguments(ServerNameOrder Order, HeaderArguments Host)
{
    private const string Original = "x-envoy-original-host";
    private const string Current = ":authority";

    public static ServerNameArguments Parse(FormatOperator source)
    {
        string[] parts = (source.Arguments ?? "").Split(':');
        ServerNameOrder? order = parts[0] switch
        {
            "" or "SNI_ONLY" => ServerNameOrder.SniOnly,
            "SNI_FIRST" => ServerNameOrder.SniFirst,
            "HOST_FIRST" => ServerNameOrder.HostFirst,
            _ => null,
        };
        string host = parts.Length < 2 || parts[1].Length == 0 ? "ORIG_OR_HOST" : parts[1];
        if (parts.Length > 2 || order is null || host is not ("ORIG" or "HOST" or "ORIG_OR_HOST"))
        {
            throw source.Reject(
                $"has the argument '({source.Arguments})'; it takes SNI_ONLY, SNI_FIRST or HOST_FIRST, then ORIG, HOST or ORIG_OR_HOST");
        }

        HeaderArguments header = host switch
        {
            "ORIG" => new HeaderArguments(Original, null),
            "HOST" => new HeaderArguments(Current, null),
            _ => new HeaderArguments(Original, Current),
        };
        return new ServerNameArguments(order.Value, header);
    }
}
