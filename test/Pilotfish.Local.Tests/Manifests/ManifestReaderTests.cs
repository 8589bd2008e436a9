using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Tests.Manifests;

public sealed class ManifestReaderTests : IDisposable
{
    private const string Pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\nspec: {}\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("local-manifests-").FullName;
    private readonly ManifestReader _reader;

    public ManifestReaderTests() => _reader = new ManifestReader(_folder);

    [Theory]
    [InlineData("no YAML", "a: [1\n", ":2:1: ")]
    [InlineData("no mapping", "- 1\n", ":1:1: ")]
    [InlineData("no kind", "a: b\n", ":1:1: ")]
    [InlineData("no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", ":3:11: ")]
    [InlineData("name that is a path", "apiVersion: v1\nkind: Pod\nmetadata: {name: ../../x}\n", ":3:18: ")]
    [InlineData("name in capitals", "apiVersion: v1\nkind: Pod\nmetadata: {name: Web}\n", ":3:18: ")]
    [InlineData("namespace that is a path", "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b/c}\n", ":3:32: ")]
    [InlineData("half written", "apiVersion: v1\nkind: Pod\nmetadata: {name: ne", ":4:1: ")]
    public void BadFile_IsReportedWithItsPlaceWhileItStands_AndKeepsWhatItSaid(string label, string text, string place)
    {
        Write("a.yaml", Pod.Replace("NAME", "old"));
        Write("b.yaml", Pod.Replace("NAME", "other"));
        AssertRead("old", "other");

        Write("a.yaml", text);
        (string[] names, string[] errors) = Read();
        Assert.Equal(["old", "other"], names);
        Assert.StartsWith(Path.Combine(_folder, "a.yaml") + place, Assert.Single(errors), StringComparison.Ordinal);

        Write("b.yaml", Pod.Replace("NAME", "third"));
        Assert.True(Read() is (["old", "third"], [var still]) && still == errors[0], label);

        Write("a.yaml", Pod.Replace("NAME", "new"));
        AssertRead("new", "third");
    }

    [Fact]
    public void SwappedLink_OfFileAndOfFolder_IsRead()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "..one"));
        Directory.CreateDirectory(Path.Combine(_folder, "..two"));
        Write("..one/a.yaml", Pod.Replace("NAME", "one"));
        Write("..two/a.yaml", Pod.Replace("NAME", "two"));
        DateTime same = DateTime.UnixEpoch;
        File.SetLastWriteTimeUtc(Path.Combine(_folder, "..one/a.yaml"), same);
        File.SetLastWriteTimeUtc(Path.Combine(_folder, "..two/a.yaml"), same);

        // As the kubelet mounts a ConfigMap: a.yaml -> ..data/a.yaml, ..data -> ..one.
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..one");
        File.CreateSymbolicLink(Path.Combine(_folder, "a.yaml"), "..data/a.yaml");
        AssertRead("one");

        Directory.CreateSymbolicLink(Path.Combine(_folder, "..fresh"), "..two");
        Directory.Move(Path.Combine(_folder, "..fresh"), Path.Combine(_folder, "..old"));
        File.Delete(Path.Combine(_folder, "..data"));
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..two");
        AssertRead("two");
    }

    [Fact]
    public void DanglingLink_IsAsGoodAsAbsent()
    {
        File.CreateSymbolicLink(Path.Combine(_folder, "a.yaml"), "nowhere");
        Write("b.yaml", Pod.Replace("NAME", "b"));
        AssertRead("b");
    }

    [Fact]
    public void FileRemoved_TakesItsObjectsAndProblems()
    {
        Write("a.yaml", "a: [1\n");
        Assert.Single(Read().Errors);
        File.Delete(Path.Combine(_folder, "a.yaml"));
        AssertRead();
    }

    [Fact]
    public void SameObjectTwice_FirstCountsAndBothPlacesAreNamed()
    {
        Write("a.yaml", Pod.Replace("NAME", "x"));
        Write("b.yaml", Pod.Replace("NAME", "x"));
        (string[] names, string[] errors) = Read();
        Assert.Equal(["x"], names);
        Assert.Contains("b.yaml:1:1: ", Assert.Single(errors), StringComparison.Ordinal);
        Assert.Contains("a.yaml:1:1", errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public void FolderGone_IsEmptyUntilItIsBack()
    {
        string late = Path.Combine(_folder, "late");
        var reader = new ManifestReader(late);
        Assert.False(reader.Read(out ManifestSet none, out _));
        Assert.Empty(none.Objects);
        Directory.CreateDirectory(late);
        Write("late/a.yaml", Pod.Replace("NAME", "a"));
        Assert.False(reader.Read(out _, out _));
        Assert.True(reader.Read(out ManifestSet one, out _));
        Assert.Single(one.Objects);
    }

    [Fact]
    public void FileStillBeingWritten_CountsOnlyWhenItRests()
    {
        string two = Pod.Replace("NAME", "a") + "---\n" + Pod.Replace("NAME", "b");
        Write("a.yaml", two);
        AssertRead("a", "b");

        // Half of it is good YAML: read then, one of the pods would be killed.
        Write("a.yaml", two[..(two.IndexOf("---", StringComparison.Ordinal) + 4)]);
        Assert.False(_reader.Read(out ManifestSet half, out _));
        Assert.Equal(2, half.Objects.Count);
        Write("a.yaml", two + "---\n" + Pod.Replace("NAME", "c"));
        Assert.False(_reader.Read(out half, out _));
        Assert.Equal(2, half.Objects.Count);
        AssertRead("a", "b", "c");
    }

    [Fact]
    public void FileReplacedByDeleteAndCreate_IsNeverGone()
    {
        Write("a.yaml", Pod.Replace("NAME", "a"));
        AssertRead("a");
        File.Delete(Path.Combine(_folder, "a.yaml"));
        Assert.False(_reader.Read(out ManifestSet between, out _));
        Assert.Single(between.Objects);
        Write("a.yaml", Pod.Replace("NAME", "b"));
        AssertRead("b");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void AssertRead(params string[] expected)
    {
        (string[] names, string[] errors) = Read();
        Assert.Empty(errors);
        Assert.Equal(expected, names);
    }

    private (string[] Names, string[] Errors) Read()
    {
        // The first look sees a change, the second that it has settled.
        _ = _reader.Read(out ManifestSet manifests, out IReadOnlyList<string> errors) || _reader.Read(out manifests, out errors);
        return ([.. manifests.Objects.Select(o => o.Name.Name)], [.. errors]);
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
