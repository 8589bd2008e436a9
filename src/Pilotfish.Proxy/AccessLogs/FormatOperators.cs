using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs.Expressions;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>
/// Every operator by name. Names and arguments are checked against <see cref="FormatOperatorTable"/>, which has the same names (a test holds
/// that), when config compiles.
/// </summary>
internal static class FormatOperators
{
    private static readonly Dictionary<string, Func<FormatOperator, FormatOperation>> s_compilers = Collect();

    public static IReadOnlyCollection<string> Names => s_compilers.Keys;

    public static FormatOperation Compile(FormatOperator source)
    {
        FormatOperatorTable.Check(source);
        return s_compilers[source.Name](source);
    }

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
