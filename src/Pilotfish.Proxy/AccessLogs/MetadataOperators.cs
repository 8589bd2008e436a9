using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Metadata of filters and config objects, and filter state.</summary>
internal static class MetadataOperators
{
    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        all.Add("DYNAMIC_METADATA", static source => Metadata(source, source.Arguments, Holder(source, "DYNAMIC")));
        all.Add("CLUSTER_METADATA", static source => Metadata(source, source.Arguments, Holder(source, "CLUSTER")));
        all.Add("UPSTREAM_METADATA", static source => Metadata(source, source.Arguments, Holder(source, "UPSTREAM_HOST")));
        all.Add("METADATA", static source =>
        {
            string arguments = source.RequireArguments("TYPE:NAMESPACE:KEY");
            int colon = arguments.IndexOf(':');
            return colon < 0
                ? throw source.Reject($"needs TYPE:NAMESPACE:KEY, but has '({arguments})'")
                : Metadata(source, arguments[(colon + 1)..], Holder(source, arguments[..colon]));
        });
        all.Add("FILTER_STATE", FilterStateObject);
        all.Add("UPSTREAM_FILTER_STATE", static source =>
        {
            source.RequireArguments("an object's name");
            return static (in FormatSource _, FormatOutput _) => FormatValueKind.Missing;
        });
    }

    private static Func<StreamInfo, DynamicMetadata?> Holder(FormatOperator source, string type) => type switch
    {
        "DYNAMIC" => static info => info.Metadata,
        "CLUSTER" => static info => info.ClusterMetadata,
        "ROUTE" => static info => info.RouteMetadata,
        "VIRTUAL_HOST" => static info => info.VirtualHostMetadata,
        "UPSTREAM_HOST" => static info => info.Upstream.HostMetadata,
        "LISTENER" => static info => info.Connection.ListenerMetadata,
        "LISTENER_FILTER_CHAIN" => static info => info.Connection.FilterChainMetadata,
        _ => throw source.Reject($"has the metadata type '{type}', which is not known"),
    };

    private static FormatOperation Metadata(FormatOperator source, string? arguments, Func<StreamInfo, DynamicMetadata?> holder)
    {
        if (string.IsNullOrEmpty(arguments))
        {
            throw source.Reject("needs a namespace in parentheses");
        }

        string[] parts = arguments.Split(':');
        string space = parts[0];
        string[] path = parts[1..];
        return (in FormatSource s, FormatOutput output) =>
            holder(s.Info)?.Get(space, path) is { } value ? Write(output, value) : FormatValueKind.Missing;
    }

    private static FormatOperation FilterStateObject(FormatOperator source)
    {
        // KEY may not hold ':' here: what follows the first one is the form.
        string[] parts = source.RequireArguments("an object's name").Split(':');
        string key = parts[0];
        string form = parts.Length > 1 ? parts[1] : "TYPED";
        if (form is not ("PLAIN" or "TYPED" or "FIELD") || (form == "FIELD") != (parts.Length == 3) || parts.Length > 3)
        {
            throw source.Reject($"has the argument '({source.Arguments})'; it takes NAME, then PLAIN, TYPED or FIELD:NAME");
        }

        bool typed = form == "TYPED";
        return (in FormatSource s, FormatOutput output) =>
        {
            if (form == "FIELD" || s.Info.FilterState?.Get(key)?.PlainText is not { } text)
            {
                return FormatValueKind.Missing;
            }

            if (typed)
            {
                JsonText.AppendQuoted(output, text);
                return FormatValueKind.Json;
            }

            output.Append(text);
            return FormatValueKind.Text;
        };
    }

    /// <summary>A text as it is, anything else as JSON; null is missing.</summary>
    internal static FormatValueKind Write(FormatOutput output, MetadataValue value)
    {
        switch (value.Kind)
        {
            case MetadataKind.Null:
                return FormatValueKind.Missing;
            case MetadataKind.Text:
                output.Append(value.Text);
                return FormatValueKind.Text;
            case MetadataKind.Number:
                output.Append(value.Number);
                return FormatValueKind.Number;
            default:
                WriteJson(output, value);
                return FormatValueKind.Json;
        }
    }

    private static void WriteJson(FormatOutput output, MetadataValue value)
    {
        switch (value.Kind)
        {
            case MetadataKind.Text:
                JsonText.AppendQuoted(output, value.Text);
                break;
            case MetadataKind.Number:
                output.Append(value.Number);
                break;
            case MetadataKind.Boolean:
                output.Append(value.Boolean ? "true"u8 : "false"u8);
                break;
            case MetadataKind.Struct:
                WriteStruct(output, value);
                break;
            case MetadataKind.List:
                WriteList(output, value);
                break;
            default:
                output.Append("null"u8);
                break;
        }
    }

    private static void WriteStruct(FormatOutput output, MetadataValue value)
    {
        output.Append((byte)'{');
        for (int i = 0; i < value.Fields.Count; i++)
        {
            if (i > 0)
            {
                output.Append((byte)',');
            }

            JsonText.AppendQuoted(output, value.Fields[i].Key);
            output.Append((byte)':');
            WriteJson(output, value.Fields[i].Value);
        }

        output.Append((byte)'}');
    }

    private static void WriteList(FormatOutput output, MetadataValue value)
    {
        output.Append((byte)'[');
        for (int i = 0; i < value.Items.Count; i++)
        {
            if (i > 0)
            {
                output.Append((byte)',');
            }

            WriteJson(output, value.Items[i]);
        }

        output.Append((byte)']');
    }
}
