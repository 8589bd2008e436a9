using Envoy.Config.Core.V3;
using Istio.Networking.V1Alpha3;
using Action = Envoy.Config.Core.V3.HeaderValueOption.Types.HeaderAppendAction;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>Header changes of a route or destination. The authority is no ordinary header: setting it rewrites the host.</summary>
internal sealed record HeaderOperations
{
    public static readonly HeaderOperations None = new();

    public IReadOnlyList<HeaderValueOption> RequestToAdd { get; private init; } = [];

    public IReadOnlyList<HeaderValueOption> ResponseToAdd { get; private init; } = [];

    public IReadOnlyList<string> RequestToRemove { get; private init; } = [];

    public IReadOnlyList<string> ResponseToRemove { get; private init; } = [];

    /// <summary>The host to send instead, or empty.</summary>
    public string Authority { get; private init; } = "";

    public static HeaderOperations Of(Headers? headers)
    {
        if (headers is null)
        {
            return None;
        }

        var request = headers.Request ?? new Headers.Types.HeaderOperations();
        var response = headers.Response ?? new Headers.Types.HeaderOperations();
        var added = AuthorityOf(request.Add);
        var set = AuthorityOf(request.Set);
        return new HeaderOperations
        {
            RequestToAdd = Combine(request),
            ResponseToAdd = Combine(response),
            RequestToRemove = WithoutInternal(request.Remove),
            ResponseToRemove = WithoutInternal(response.Remove),
            Authority = set.Length > 0 ? set : added,
        };
    }

    private static List<HeaderValueOption> Combine(Headers.Types.HeaderOperations operations)
    {
        var options = new List<HeaderValueOption>();
        Append(options, operations.Set, Action.OverwriteIfExistsOrAdd);
        Append(options, operations.Add, Action.AppendIfExistsOrAdd);
        return options;
    }

    private static void Append(List<HeaderValueOption> into, IDictionary<string, string> headers, Action action)
    {
        foreach (var (key, value) in headers.OrderBy(static h => h.Key, StringComparer.Ordinal))
        {
            if (!IsInternal(key))
            {
                into.Add(new HeaderValueOption { Header = new HeaderValue { Key = key, Value = value }, AppendAction = action });
            }
        }
    }

    private static List<string> WithoutInternal(IEnumerable<string> names) => [.. names.Where(static name => !IsInternal(name))];

    private static string AuthorityOf(IDictionary<string, string> headers)
    {
        foreach (var (key, value) in headers)
        {
            if (key.Equals(":authority", StringComparison.OrdinalIgnoreCase) || key.Equals("host", StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return "";
    }

    private static bool IsInternal(string name) =>
        name.StartsWith(':') || name.Equals("host", StringComparison.OrdinalIgnoreCase);
}
