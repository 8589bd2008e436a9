namespace Pilotfish.Language.Formats.Arguments;

/// <summary>The argument of the metadata operators: (TYPE:NAMESPACE:KEY...), where three old names have their type in the name.</summary>
/// <param name="Path">Keys below the namespace; none prints the whole namespace.</param>
public sealed record MetadataArguments(MetadataHolder Holder, string Namespace, string[] Path)
{
    public static MetadataArguments Parse(FormatOperator source)
    {
        string arguments = source.RequireArguments("TYPE:NAMESPACE:KEY");
        int colon = arguments.IndexOf(':');
        return colon < 0
            ? throw source.Reject($"needs TYPE:NAMESPACE:KEY, but has '({arguments})'")
            : Parse(source, HolderOf(source, arguments[..colon]), arguments[(colon + 1)..]);
    }

    public static MetadataArguments Parse(FormatOperator source, MetadataHolder holder) => Parse(source, holder, source.Arguments);

    private static MetadataArguments Parse(FormatOperator source, MetadataHolder holder, string? arguments)
    {
        if (string.IsNullOrEmpty(arguments))
        {
            throw source.Reject("needs a namespace in parentheses");
        }

        string[] parts = arguments.Split(':');
        return new MetadataArguments(holder, parts[0], parts[1..]);
    }

    private static MetadataHolder HolderOf(FormatOperator source, string type) => type switch
    {
        "DYNAMIC" => MetadataHolder.Dynamic,
        "CLUSTER" => MetadataHolder.Cluster,
        "ROUTE" => MetadataHolder.Route,
        "VIRTUAL_HOST" => MetadataHolder.VirtualHost,
        "UPSTREAM_HOST" => MetadataHolder.UpstreamHost,
        "LISTENER" => MetadataHolder.Listener,
        "LISTENER_FILTER_CHAIN" => MetadataHolder.ListenerFilterChain,
        _ => throw source.Reject($"has the metadata type '{type}'; there are DYNAMIC, CLUSTER, ROUTE, VIRTUAL_HOST, UPSTREAM_HOST, LISTENER, "
            + "LISTENER_FILTER_CHAIN"),
    };
}
