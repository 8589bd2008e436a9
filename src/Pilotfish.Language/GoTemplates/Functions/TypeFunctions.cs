using System.Diagnostics;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's functions that look at the type of a value.</summary>
internal static class TypeFunctions
{
    public static void AddTo(GoFunctionSet set)
    {
        set.Add("typeOf", 1, a => GoValue.From(a[0].IsNil ? "<nil>" : a[0].TypeName));
        set.Add("typeIs", 2, a => GoValue.From(a.Text(0) == a[1].TypeName));
        set.AddAlias("typeIsLike", "typeIs");
        set.Add("kindOf", 1, a => GoValue.From(KindName(a[0])));
        set.Add("kindIs", 2, a => GoValue.From(a.Text(0) == KindName(a[1])));
        set.Add("deepEqual", 2, a => GoValue.From(a[0].Equals(a[1])));
        set.Add("toString", 1, a => GoValue.From(a.AnyText(0)));
    }

    private static string KindName(GoValue value) => value.Kind switch
    {
        GoKind.Nil => "invalid",
        GoKind.Bool => "bool",
        GoKind.Int => "int",
        GoKind.Float => "float64",
        GoKind.String => "string",
        GoKind.List => "slice",
        GoKind.Map => "map",
        GoKind.Object => "struct",
        _ => throw new UnreachableException(),
    };
}
