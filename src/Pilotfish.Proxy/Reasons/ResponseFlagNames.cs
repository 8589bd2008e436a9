namespace Pilotfish.Proxy.Reasons;

/// <summary>The short (<c>%RESPONSE_FLAGS%</c>) and long (<c>%RESPONSE_FLAGS_LONG%</c>) names, indexed by <see cref="ResponseFlag"/>.</summary>
public static class ResponseFlagNames
{
    public const int Count = 30;

    private static readonly string[] s_short =
    [
        "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX", "SI", "IH",
        "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
    ];

    private static readonly string[] s_long = Enum.GetNames<ResponseFlag>();

    public static string Short(ResponseFlag flag) => s_short[(int)flag];

    public static string Long(ResponseFlag flag) => s_long[(int)flag];

    /// <summary>Resolves a short name, as the access-log filter <c>response_flag_filter</c> spells it.</summary>
    public static bool TryParseShort(string name, out ResponseFlag flag)
    {
        int index = Array.IndexOf(s_short, name);
        flag = index < 0 ? default : (ResponseFlag)index;
        return index >= 0;
    }
}
