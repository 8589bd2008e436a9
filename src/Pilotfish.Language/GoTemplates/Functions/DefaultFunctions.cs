namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's functions that choose between values, and the one that fails a rendering.</summary>
internal static class DefaultFunctions
{
    public static void AddTo(GoFunctionSet set)
    {
        set.AddVariadic("default", 1, a => a.Count < 2 || Arguments.IsEmpty(a[1]) ? a[0] : a[1]);
        set.Add("empty", 1, a => GoValue.From(Arguments.IsEmpty(a[0])));
        set.AddVariadic("coalesce", 0, a => a.FirstOrDefault(value => !Arguments.IsEmpty(value)));
        set.AddVariadic("all", 0, a => GoValue.From(!a.Any(Arguments.IsEmpty)));
        set.AddVariadic("any", 0, a => GoValue.From(a.Any(value => !Arguments.IsEmpty(value))));
        set.Add("ternary", 3, a => a.Flag(2) ? a[0] : a[1]);
        set.Add("fail", 1, a => throw new GoFunctionException(a.Text(0)));
    }
}
