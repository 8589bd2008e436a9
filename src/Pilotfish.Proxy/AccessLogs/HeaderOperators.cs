using System.Text;
using Pilotfish.Language.Formats;
using Pilotfish.Language.Formats.Arguments;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Headers, trailers, the path and its query.</summary>
internal static class HeaderOperators
{
    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        foreach (string name in (string[])["REQ", "REQUEST_HEADER"])
        {
            all.Add(name, static source => Header(source, static info => info.RequestHeaders));
        }

        foreach (string name in (string[])["RESP", "RESPONSE_HEADER"])
        {
            all.Add(name, static source => Header(source, static info => info.ResponseHeaders));
        }

        foreach (string name in (string[])["TRAILER", "RESPONSE_TRAILER"])
        {
            all.Add(name, static source => Header(source, static info => info.ResponseTrailers));
        }

        all.Add("REQ_WITHOUT_QUERY", WithoutQuery);
        all.Add("PATH", Path);
        all.Add("QUERY_PARAM", QueryParameter);
    }

    private static FormatOperation Header(FormatOperator source, Func<StreamInfo, IHeaderReader?> map)
    {
        HeaderKeys keys = HeaderKeys.Of(HeaderArguments.Parse(source));
        return (in FormatSource s, FormatOutput output) =>
        {
            if (!keys.TryGet(map(s.Info), out ReadOnlySpan<byte> value))
            {
                return FormatValueKind.Missing;
            }

            output.Append(value);
            return FormatValueKind.Text;
        };
    }

    private static FormatOperation WithoutQuery(FormatOperator source)
    {
        HeaderKeys keys = HeaderKeys.Of(HeaderArguments.Parse(source));
        return (in FormatSource s, FormatOutput output) =>
        {
            if (!keys.TryGet(s.Info.RequestHeaders, out ReadOnlySpan<byte> value))
            {
                return FormatValueKind.Missing;
            }

            output.Append(BeforeQuery(value));
            return FormatValueKind.Text;
        };
    }

    private static FormatOperation Path(FormatOperator source)
    {
        PathArguments arguments = PathArguments.Parse(source);
        HeaderKeys keys = HeaderKeys.Of(arguments.Header);
        bool keepQuery = arguments.KeepsQuery;
        return (in FormatSource s, FormatOutput output) =>
        {
            if (!keys.TryGet(s.Info.RequestHeaders, out ReadOnlySpan<byte> value))
            {
                return FormatValueKind.Missing;
            }

            output.Append(keepQuery ? value : BeforeQuery(value));
            return FormatValueKind.Text;
        };
    }

    private static FormatOperation QueryParameter(FormatOperator source)
    {
        byte[] name = Encoding.UTF8.GetBytes(source.RequireArguments("a parameter's name"));
        return (in FormatSource s, FormatOutput output) =>
        {
            if (s.Info.RequestHeaders?.TryGet(WellKnownHeader.Path, out ReadOnlySpan<byte> path) != true)
            {
                return FormatValueKind.Missing;
            }

            int question = path.IndexOf((byte)'?');
            ReadOnlySpan<byte> rest = question < 0 ? default : path[(question + 1)..];
            while (!rest.IsEmpty)
            {
                int end = rest.IndexOf((byte)'&');
                ReadOnlySpan<byte> pair = end < 0 ? rest : rest[..end];
                rest = end < 0 ? default : rest[(end + 1)..];
                int equals = pair.IndexOf((byte)'=');
                if ((equals < 0 ? pair : pair[..equals]).SequenceEqual(name))
                {
                    output.Append(equals < 0 ? default : pair[(equals + 1)..]);
                    return FormatValueKind.Text;
                }
            }

            return FormatValueKind.Missing;
        };
    }

    private static ReadOnlySpan<byte> BeforeQuery(ReadOnlySpan<byte> path)
    {
        int question = path.IndexOf((byte)'?');
        return question < 0 ? path : path[..question];
    }
}
