import Painting from './painting.jsx';

export default function Page() {
  return <Painting />;
}
