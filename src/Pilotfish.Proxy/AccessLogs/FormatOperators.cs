using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs.Expressions;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Every operator by name. A name that is not here is rejected when config compiles.</summary>
internal static class FormatOperators
{
    private static readonly Dictionary<string, Func<FormatOperator, FormatOperation>> s_compilers = Collect();

    public static IReadOnlyCollection<string> Names => s_compilers.Keys;

    public static FormatOperation Compile(FormatOperator source) =>
        s_compilers.TryGetValue(source.Name, out Func<FormatOperator, FormatOperation>? compiler)
            ? compiler(source)
            : throw source.Reject("is not known");

    private static Dictionary<string, Func<FormatOperator, FormatOperation>> Collect()
    {
        Dictionary<string, Func<FormatOperator, FormatOperation>> all = new(StringComparer.Ordinal);
        TimeOperators.AddTo(all);
        ByteOperators.AddTo(all);
        ResultOperators.AddTo(all);
        RoutingOperators.AddTo(all);
        AddressOperators.AddTo(all);
        HeaderOperators.AddTo(all);
        TlsOperators.AddTo(all);
        MetadataOperators.AddTo(all);
        ProcessOperators.AddTo(all);
        ExpressionOperators.AddTo(all);
        return all;
    }
}
