namespace Pilotfish.Structure.Tests;

/// <summary>Rules of the house that the compiler does not check.</summary>
public sealed class SourceFileTests
{
    private const int FileLinesMax = 600;
    private const string SizeReason = "// Size: ";

    [Fact]
    public void SourceFile_OverTheLimit_SaysWhyItStaysOneFile()
    {
        IEnumerable<string> tooLong =
            from file in RepositoryRoot.Files("src", "*.cs")
            let lines = File.ReadAllLines(file)
            where lines.Length > FileLinesMax && !lines[0].StartsWith(SizeReason, StringComparison.Ordinal)
            select $"{Path.GetRelativePath(RepositoryRoot.Path, file)} has {lines.Length} lines";
        Assert.Empty(tooLong);
    }

    [Theory]
    [InlineData("Helper")]
    [InlineData("Helpers")]
    [InlineData("Utils")]
    [InlineData("Utilities")]
    [InlineData("Manager")]
    [InlineData("Impl")]
    [InlineData("Misc")]
    [InlineData("Common")]
    public void SourceFile_IsNoGrabBag(string ending)
    {
        IEnumerable<string> named = RepositoryRoot.Files("src", "*.cs")
            .Where(file => Path.GetFileNameWithoutExtension(file).EndsWith(ending, StringComparison.Ordinal));
        Assert.Empty(named);
    }

    [Fact]
    public void Source_HoldsNoUnfinishedPart()
    {
        string[] marks = ["NotImplementedException", "TODO", "FIXME", "HACK"];
        IEnumerable<string> unfinished =
            from file in RepositoryRoot.Files("src", "*.cs")
            let text = File.ReadAllText(file)
            from mark in marks
            where text.Contains(mark, StringComparison.Ordinal)
            select $"{Path.GetRelativePath(RepositoryRoot.Path, file)}: {mark}";
        Assert.Empty(unfinished);
    }

    [Fact]
    public void UnsafeKeyword_StandsInRuntimeOnly()
    {
        IEnumerable<string> outside =
            from file in RepositoryRoot.Files("src", "*.cs")
            where !file.Contains("/Pilotfish.Runtime/", StringComparison.Ordinal)
            let text = File.ReadAllText(file)
            where text.Contains("LibraryImport", StringComparison.Ordinal) || text.Contains("DllImport", StringComparison.Ordinal)
            select Path.GetRelativePath(RepositoryRoot.Path, file);
        Assert.Empty(outside);
    }
}
